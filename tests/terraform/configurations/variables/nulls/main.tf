variable "kept" {
  default  = "default"
  nullable = false
}
variable "passed" { default = "default" }
resource "terraform_data" "n" {
  input = { kept = var.kept, passed = var.passed == null ? "null" : var.passed }
}
