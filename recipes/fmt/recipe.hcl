package "fmt" {
  version = "9.1.0"
}

source {
  # Repacked by Debian without its HTML theme; upstream is in about.
  url    = ["pkg:deb/debian/fmtlib@${package.version}+ds1?arch=source"]
  sha256 = "84ce1c2d0be3a9863935137969dcec6970125caac032f82474640bfc81463583"
}

build {
  number = 0
}

requirements {
  build       = [compiler("cxx"), "cmake", "ninja"]
  run_exports = [pin_subpackage("fmt", { upper_bound = "x" })]
}

test {
  script = <<-SCRIPT
    test -f $PREFIX/include/fmt/format.h
    test -f $PREFIX/lib/libfmt.so.9
    test -f $PREFIX/lib/cmake/fmt/fmt-config.cmake
    test ! -e $PREFIX/lib/libfmt.a
  SCRIPT
}

about {
  homepage     = "https://fmt.dev/"
  repository   = "https://github.com/fmtlib/fmt"
  license      = "MIT"
  license_file = ["LICENSE.rst"]
  summary      = "A formatting library for C++"
}
