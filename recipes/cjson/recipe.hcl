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
  build       = [compiler("c"), "cmake", "make"]
  run_exports = [pin_subpackage("cjson", { upper_bound = "x" })]
}

test {
  script = <<-SCRIPT
    test -f $PREFIX/include/cjson/cJSON.h
    test -f $PREFIX/lib/libcjson.so.1
    test -f $PREFIX/lib/pkgconfig/libcjson.pc
    test -f $PREFIX/lib/cmake/cJSON/cJSONConfig.cmake
  SCRIPT
}

about {
  homepage     = "https://github.com/DaveGamble/cJSON"
  license      = "MIT"
  license_file = ["LICENSE"]
  summary      = "Ultralightweight JSON parser in ANSI C"
}
