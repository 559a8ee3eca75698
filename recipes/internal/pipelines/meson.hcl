# Configure, build and install with Meson.
input "options" { default = [] }      # for meson setup, such as "-Ddocs=false"
input "dir"     { default = "." }     # where meson.build lies
input "type"    { default = "release" }

needs = ["meson", "ninja"]

step {
  run = <<-EOT
    : "$${MESON_ARGS:=--prefix=$PREFIX -Dlibdir=lib}" # what compilers set says more: for whom, and where that machine's programs lie
    meson setup _forge_build "${input.dir}" $MESON_ARGS -Dbuildtype="${input.type}" --wrap-mode=nodownload ${join(" ", input.options)}
    meson compile -C _forge_build -j "$CPU_COUNT"
    meson install -C _forge_build --no-rebuild
  EOT
}
