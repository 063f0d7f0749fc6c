resource "terraform_data" "a" { input = "known" }
resource "terraform_data" "b" {
  input = {
    known   = terraform_data.a.input
    unknown = terraform_data.a.output
    id      = terraform_data.a.id
    text    = "p-${terraform_data.a.id}"
    list    = [terraform_data.a.id, "x"]
    length  = length([terraform_data.a.id, "x"])
    decided = false && terraform_data.a.output == "x"
    starts  = startswith("p-${terraform_data.a.id}", "p-")
  }
}
resource "terraform_data" "c" {
  for_each = { one = terraform_data.a.id }
  input    = { key = each.key, value = each.value }
}
