variable "value" { type = list(string) }
resource "terraform_data" "d" {
  count = length(var.value)
  input = var.value[count.index]
}
output "value" { value = join(",", var.value) }
