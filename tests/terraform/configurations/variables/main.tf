variable "typed" {
  type = object({
    a = string
    b = optional(number, 3)
    c = optional(list(string))
    d = optional(object({ e = optional(bool, true) }), {})
  })
  default = { a = 1 }
}
variable "list" {
  type    = list(number)
  default = ["1", 2]
}
variable "from_tfvars" { type = string }
variable "from_auto" { default = "default" }
variable "nulled" {
  type     = string
  default  = "kept"
  nullable = false
}
variable "any" {
  type    = any
  default = { x = [1, "a"], y = null }
}
variable "set" {
  type    = set(string)
  default = ["b", "a", "b"]
}
resource "terraform_data" "a" {
  input = {
    typed  = var.typed
    list   = var.list
    tfvars = var.from_tfvars
    auto   = var.from_auto
    nulled = var.nulled
    any    = var.any
    set    = var.set
  }
}
module "nulls" {
  source = "./nulls"
  kept   = null
  passed = null
}
