package "demo" {
  verison = "1.0"
}
soruce {
  url = "https://demo.example/demo.tar.gz"
}
build {
  numbr = 0
  pipelin "cmake" {}
}
about {
  licence = "MIT"
}
