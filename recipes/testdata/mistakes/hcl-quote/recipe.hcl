package "demo" {
  version = "1.0
}
build {
  number = 0,
  script = "make"
}
