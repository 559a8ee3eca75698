@rem A DLL exports what is not static, as that of a compiler for Unix does.
@set "CC=%CONDA_PREFIX%\Library\tcc\tcc.exe"
@set "LDFLAGS=-rdynamic"
