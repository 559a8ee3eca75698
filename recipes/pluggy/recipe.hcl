package "pluggy" {
  version = "1.7.0"
}

source {
  url    = "pkg:pypi/pluggy@${package.version}"
  sha256 = "d1eaa46ebb595891b860ab086b4d09c8588af65ebd4361b8e8f4bb8920b90ba8"
}

build {
  number = 0
  noarch = "python"
  pipeline "python" {}
}

requirements {
  host = ["python", "pip", "setuptools", "setuptools-scm >=8"]
  run  = ["python >=3.10"]
}

test {
  python {
    imports = ["pluggy"]
  }
}

about {
  homepage     = "https://pluggy.readthedocs.io/"
  license      = "MIT"
  license_file = "LICENSE"
  summary      = "Plugins and hooks for Python programs"
}
