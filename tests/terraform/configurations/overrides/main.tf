locals {
  a = "main"
  b = "main"
}
variable "v" { default = "main" }
resource "terraform_data" "a" {
  input            = { a = local.a, b = local.b, v = var.v }
  triggers_replace = "main"
}
