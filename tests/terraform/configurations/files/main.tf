resource "terraform_data" "a" {
  input = {
    file     = file("${path.module}/data.txt")
    template = templatefile("${path.root}/t.tftpl", { name = "x", list = ["a", "b"] })
    exists   = fileexists("none.txt")
    hash     = filesha256("data.txt")
    yaml     = yamldecode(file("d.yaml"))
    set      = fileset(path.module, "*.txt")
    work     = terraform.workspace
  }
}
