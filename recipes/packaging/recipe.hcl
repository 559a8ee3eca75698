package "packaging" {
  version = "26.4"
}

source {
  url    = "pkg:pypi/packaging@${package.version}"
  sha256 = "c4b671c41ddb9bf26e543c37723610d28fb6bf7affc4da17cf048d419d2c062a"
}

build {
  number = 0
  noarch = "python"
  pipeline "python" {}
}

requirements {
  host = ["python", "pip", "flit-core >=3.12"]
  run  = ["python >=3.10"]
}

test {
  python {
    imports = ["packaging", "packaging.version", "packaging.specifiers"]
  }
}

about {
  homepage     = "https://github.com/pypa/packaging"
  license      = "Apache-2.0 OR BSD-2-Clause"
  license_file = ["LICENSE", "LICENSE.APACHE", "LICENSE.BSD"]
  summary      = "Versions, specifiers and markers of Python packages"
}
