package "demo" {
  version = "1.0"
}
build {
  pipeline "cmaek" {}
  pipeline "cmake" {
    option = ["-DX=1"]
    dir    = ["a"]
  }
}
