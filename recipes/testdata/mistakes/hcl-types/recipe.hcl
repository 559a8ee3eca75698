package "demo" {
  version = 1.10
}
build {
  number = "one"
  script = { make = true, install = 1 }
  skip   = "win"
}
requirements {
  host = "zlib"
}
about {
  license_file = 7
}
