package "demo" {
  version = "1.0"
}
output "libdemo" {
  requirements {
    host = ["demo-tools"]
  }
}
output "demo-tools" {
  requirements {
    host = [pin_subpackage("libdemo", { exact = true })]
    run  = [pin_subpackage("libdmeo", { exact = true })]
  }
}
