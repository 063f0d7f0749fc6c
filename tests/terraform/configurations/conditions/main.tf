variable "create" { default = false }
variable "many" { default = { b = 2, a = 1 } }
resource "terraform_data" "none" {
  count = var.create ? 1 : 0
  input = "never"
}
resource "terraform_data" "some" {
  for_each = var.many
  input    = "${each.key}=${each.value}"
}
locals {
  late  = local.early + 1
  early = length(terraform_data.none)
  first = one(terraform_data.none[*].input)
}
resource "terraform_data" "uses" {
  input = {
    late   = local.late
    first  = local.first == null ? "none" : local.first
    some   = terraform_data.some["a"].input
    keys   = keys(terraform_data.some)
    try    = try(terraform_data.none[0].input, "fallback")
    values = [for s in values(terraform_data.some) : s.input]
  }
}
