variable "password" {
  type      = string
  sensitive = true
  default   = "not-a-real-password"
}
resource "terraform_data" "a" {
  input = {
    open    = "x"
    hidden  = var.password
    derived = "u:${var.password}"
    long    = length(var.password) > 10
    shown   = nonsensitive(length(var.password))
  }
}
