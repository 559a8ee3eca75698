cd src
cl /nologo /MD /O2 /DLUA_BUILD_AS_DLL /DLUA_COMPAT_5_3 /c l*.c
if %errorlevel% neq 0 exit 1
ren lua.obj lua.o
ren luac.obj luac.o
link /nologo /DLL /IMPLIB:lua54.lib /OUT:lua54.dll l*.obj
if %errorlevel% neq 0 exit 1
link /nologo /OUT:lua.exe lua.o lua54.lib
if %errorlevel% neq 0 exit 1
lib /nologo /OUT:lua54-static.lib l*.obj
if %errorlevel% neq 0 exit 1
link /nologo /OUT:luac.exe luac.o lua54-static.lib
if %errorlevel% neq 0 exit 1
for %%f in (lua.exe luac.exe lua54.dll) do copy %%f "%LIBRARY_BIN%\"
if %errorlevel% neq 0 exit 1
copy lua54.lib "%LIBRARY_LIB%\"
if %errorlevel% neq 0 exit 1
for %%f in (lua.h luaconf.h lualib.h lauxlib.h lua.hpp) do copy %%f "%LIBRARY_INC%\"
if %errorlevel% neq 0 exit 1
