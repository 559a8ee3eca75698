package "area" {
  version = "0.3"
}

source {
  path = "src"
}

requirements {
  build = [compiler("c")]
}

build {
  pipeline "cmake" {
    options = ["-DAREA_PRECISION=3"]
  }
}

test {
  script = "test $(area 2) = 12.566"
}

about {
  summary      = "Area of a circle"
  license      = "ISC"
  license_file = ["LICENSE"]
}
