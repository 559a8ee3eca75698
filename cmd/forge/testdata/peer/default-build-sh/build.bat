nmake
