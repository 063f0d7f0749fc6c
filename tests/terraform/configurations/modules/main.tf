variable "names" { default = ["b", "a"] }
module "each" {
  source   = "./inner"
  for_each = { for n in var.names : n => upper(n) }
  name     = each.value
  extra    = { key = each.key }
}
module "counted" {
  source = "./inner"
  count  = 2
  name   = "n${count.index}"
}
resource "terraform_data" "all" {
  input = {
    each    = { for k, m in module.each : k => m.name }
    counted = module.counted[*].name
    one     = module.counted[1].nested
    path    = module.each["a"].path
  }
}
