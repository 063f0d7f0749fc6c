variable "v" {
  default = "x_override"
}
locals {
  a = "x_override"
}
