package "demo" {
  verison = "1.0"
}
build {
  numbr = 0
}
requirements {
  hots = ["zlib"]
}
about {
  licence = "MIT"
}
