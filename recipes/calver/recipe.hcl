package "calver" {
  version = "2025.10.20"
}

source {
  url    = "pkg:pypi/calver@${package.version}"
  sha256 = "c98b376c2424642224d456b2f70c51402343e008c63d204634665e1a2a2835f5"
}

build {
  number = 0
  noarch = "python"
  pipeline "python" {}
}

requirements {
  host = ["python", "pip", "setuptools"]
  run  = ["python >=3.9"]
}

test {
  python {
    imports = ["calver"]
  }
}

about {
  homepage     = "https://github.com/di/calver"
  license      = "Apache-2.0"
  license_file = "LICENSE"
  summary      = "Versions from the calendar, for setuptools"
}
