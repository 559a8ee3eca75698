set CGO_ENABLED=0
go build -trimpath -buildvcs=false -ldflags "-s -w" -o "%LIBRARY_BIN%\gojq.exe" ./cmd/gojq
if %errorlevel% neq 0 exit 1
mkdir library_licenses
for /f "tokens=1,2" %%a in ('go list -deps -f "{{with .Module}}{{if not .Main}}{{.Version}} {{.Dir}}{{end}}{{end}}" ./cmd/gojq') do (
  if exist "%%b\LICENSE" copy /y "%%b\LICENSE" "library_licenses\%%~nxb_LICENSE"
)
