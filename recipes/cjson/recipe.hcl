package "cjson" {
  version = "1.7.15"
}

source {
  url = [
    "https://github.com/DaveGamble/cJSON/archive/v${package.version}.tar.gz",
    "pkg:deb/debian/cjson@${package.version}?arch=source",
  ]
  sha256 = "5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2"
}

build {
  number = 0
}

requirements {
  build       = [compiler("c"), "cmake", win ? "ninja" : "make"]
  run_exports = [pin_subpackage("cjson", { upper_bound = "x" })]
}

test {
  package_contents {
    include = ["cjson/cJSON.h"]
    lib     = ["cjson"]
  }
}

about {
  homepage     = "https://github.com/DaveGamble/cJSON"
  license      = "MIT"
  license_file = ["LICENSE"]
  summary      = "Ultralightweight JSON parser in ANSI C"
}
