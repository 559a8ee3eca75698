package "wheel" {
  version = "0.45.1"
}

source {
  url    = "pkg:pypi/wheel@${package.version}"
  sha256 = "661e1abd9198507b1409a20c02106d9670b2576e916d58f520316666abca6729"
}

build {
  number = 0
  noarch = "python"
  script = <<-EOT
    # pip runs with wheel, so this is built without: a wheel is a zip.
    $PYTHON -m flit_core.wheel
    $PYTHON -m zipfile -e dist/*.whl $SP_DIR
  EOT
  python {
    entry_points = ["wheel = wheel.cli:main"]
  }
}

requirements {
  host = ["python", "flit-core"]
  run  = ["python >=3.8"]
}

test {
  python {
    imports   = ["wheel", "wheel.wheelfile"]
    pip_check = false
  }
}

test {
  script = "wheel version"
}

about {
  homepage     = "https://wheel.readthedocs.io/"
  repository   = "https://github.com/pypa/wheel"
  license      = "MIT"
  license_file = ["LICENSE.txt", "src/wheel/vendored/packaging/LICENSE*"]
  summary      = "The command line tool for wheels, and the command bdist_wheel"
}
