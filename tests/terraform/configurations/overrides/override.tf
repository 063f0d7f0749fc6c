locals {
  a = "override"
}
resource "terraform_data" "a" {
  triggers_replace = "override"
}
