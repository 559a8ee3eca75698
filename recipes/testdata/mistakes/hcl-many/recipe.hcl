package "demo" {
  version = "1.0
}
source {
  url = "https://demo.example/demo-${package.version}.tar.gz"
}
build {
  number = 0,
  script  "make"
}
requirements {
  host = ["zlib", compilr("c")
  run  = ["zlib >=1,,"]
}
test {
  script = <<-EOT
    demo --help
  EOT
about {
  licence = "MIT"
  summary = "Demo of ${local.nothing}"
}
