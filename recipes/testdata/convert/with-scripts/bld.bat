nmake install
