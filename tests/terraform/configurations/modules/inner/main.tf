variable "name" { type = string }
variable "extra" {
  type    = map(string)
  default = {}
}
module "deep" {
  source = "../deep"
  value  = [var.name]
}
resource "terraform_data" "this" {
  for_each = toset(["x", "y"])
  input    = merge(var.extra, { name = var.name, key = each.key, deep = module.deep.value })
}
output "name" { value = "${var.name}!" }
output "nested" { value = module.deep.value }
output "path" { value = path.module }
