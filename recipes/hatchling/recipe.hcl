package "hatchling" {
  version = "1.27.0"
}

source {
  url    = "pkg:pypi/hatchling@${package.version}"
  sha256 = "971c296d9819abb3811112fc52c7a9751c8d381898f36533bb16f9791e941fd6"
}

build {
  number = 0
  noarch = "python"
  pipeline "python" {}
  python {
    entry_points = ["hatchling = hatchling.cli:hatchling"]
  }
}

locals {
  needs = ["packaging >=24.2", "pathspec >=0.10.1", "pluggy >=1.0.0", "trove-classifiers"]
}

requirements {
  host = concat(["python", "pip"], local.needs)
  run  = concat(["python >=3.8"], local.needs)
}

test {
  python {
    imports = ["hatchling", "hatchling.build"]
  }
}

test {
  script = "hatchling --help"
}

about {
  homepage     = "https://hatch.pypa.io/"
  repository   = "https://github.com/pypa/hatch"
  license      = "MIT"
  license_file = "LICENSE.txt"
  summary      = "The build backend of Hatch"
}
