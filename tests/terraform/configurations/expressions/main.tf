locals {
  users = [
    { name = "a", tags = ["x", "y"], admin = true },
    { name = "b", tags = [], admin = false },
  ]
  matrix = { for pair in setproduct(["dev", "prod"], ["eu", "us"]) : join("-", pair) => pair[1] }
}
resource "terraform_data" "a" {
  input = {
    admins  = [for u in local.users : u.name if u.admin]
    grouped = { for u in local.users : (u.admin ? "admin" : "user") => u.name... }
    tags    = flatten(local.users[*].tags)
    matrix  = local.matrix
    heredoc = <<-EOT
      one
        two
      ${upper("three")}
    EOT
    numbers = [1.50, 1e3, 10 / 4, 7 % 3, -2]
    cond    = true ? ["a", 1] : [true]
    cidr    = cidrsubnets("10.0.0.0/16", 8, 8)
    lookup  = lookup({ a = 1 }, "b", 5)
    splat   = local.users.*.name
    json    = jsonencode({ b = 1, a = "<&>" })
  }
}
