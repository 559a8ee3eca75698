package "demo" {
  version = "1.0"
}
output "part" {
  for_each = "lib"
  build {
    files = each.value
  }
}
output "same" {
  for_each = ["a", "b"]
}
output {
  files = ["x"]
}
locals {
  a = local.b
  b = local.a
}
