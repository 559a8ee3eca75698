package trust

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// aptSources prepares an apt of its own in dir that knows the machine's archives as source archives. It
// skips the test where there is none, or no network was asked for.
func aptSources(t *testing.T, dir string) func(args ...string) error {
	t.Helper()
	if os.Getenv("FORGE_TEST_NETWORK") == "" {
		t.Skip("set FORGE_TEST_NETWORK=1 to fetch real signatures")
	}
	tool(t, "apt-get")
	list, err := os.ReadFile("/etc/apt/sources.list.d/debian.sources")
	if err != nil {
		t.Skip("this machine names no Debian archive")
	}
	config := `Dir::State "` + dir + `/state"; Dir::State::status "` + dir + `/status"; Dir::Cache "` + dir + `/cache";
Dir::Etc "` + dir + `/etc"; Dir::Etc::trusted "/etc/apt/trusted.gpg"; Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";
`
	for name, text := range map[string]string{
		"apt.conf": config, "status": "",
		"etc/sources.list.d/d.sources": strings.ReplaceAll(string(list), "Types: deb\n", "Types: deb-src\n"),
		"etc/apt.conf.d/0":             "", "etc/preferences.d/0": "", "state/lists/partial/.x": "", "cache/archives/partial/.x": "",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	apt := func(args ...string) error {
		cmd := exec.Command("apt-get", append([]string{"-qq"}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "APT_CONFIG="+filepath.Join(dir, "apt.conf"))
		return cmd.Run()
	}
	if err := apt("update"); err != nil {
		t.Skip("apt-get update failed: ", err)
	}
	return apt
}

// TestUpstreamSignatures judges signatures that real upstreams made, with the keys that Debian ships
// beside them.
func TestUpstreamSignatures(t *testing.T) {
	dir := t.TempDir()
	apt := aptSources(t, dir)
	for _, c := range []struct{ name, pin, verdict, says string }{
		{"hello", "8ED396E37E38D471A00530D3A9553245FDE9B739", "", "later than the signature"},
		{"ncurses", "19882D92DDA4C400C22C0D56CC2AF4472167BE03", "", "after it signed"},
		{"ncurses", "C52048C0C0748FEE227D47A2702353E0F7E48EDB", WrongKey, "19882D92DDA4C400C22C0D56CC2AF4472167BE03"},
		{"ncurses", "155D3FC500C834486D1EEA677FD9FCCB000BEEEE", UnknownKey, "155D3FC500C834486D1EEA677FD9FCCB000BEEEE"},
		{"byacc", "19882D92DDA4C400C22C0D56CC2AF4472167BE03", "", "after it signed"},
		{"curl", "27EDEAF22F3ABCEB50DB9A125CC908FDB71E12C2", "", ""},
		{"grep", "155D3FC500C834486D1EEA677FD9FCCB000BEEEE", "", ""},
		{"m4", "71C2CC22B1C4602927D2F3AAA7A16B4A2527436A", "", ""},
		{"libunistring", "9001B85AF9E1B83DF1BDA942F5BE8B267C6A406D", "", "after it signed"},
		{"libidn2", "B1D2BD1375BECB784CF4F8C4D73CF638C53C06BE", ExpiredKey, "before it signed"},
		{"findutils", "A5189DB69C1164D33002936646502EF796917195", WeakHash, "self-signature"},
		{"nettle", "343C2FF0FBEE5EC2EDBEF399F3599FF828C67298", WeakHash, "self-signature"},
		{"musl", "836489290BB6B70F99FFDA0556BCDB593020450F", WeakHash, "made with SHA-1"},
		{"musl sha1", "836489290BB6B70F99FFDA0556BCDB593020450F", "", "made with SHA-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name, sha1, _ := strings.Cut(c.name, " ")
			if err := apt("source", "--download-only", name); err != nil {
				t.Skip("apt-get source failed: ", err)
			}
			sigs, _ := filepath.Glob(filepath.Join(dir, name+"_*.orig.tar.*.asc"))
			packed, _ := filepath.Glob(filepath.Join(dir, name+"_*.debian.tar.*"))
			if len(sigs) != 1 || len(packed) != 1 {
				t.Skip("the archive ships no signature any more")
			}
			keyring, err := exec.Command("tar", "-xOf", packed[0], "debian/upstream/signing-key.asc").Output()
			if err != nil {
				t.Fatal(err)
			}
			sig, err := os.ReadFile(sigs[0])
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.Open(strings.TrimSuffix(sigs[0], SuffixOpenPGP))
			if err != nil {
				t.Fatal(err)
			}
			defer data.Close()
			v, err := OpenPGPChecker{}.Check(data, sig, keyring, c.pin, strings.Fields(sha1), time.Now())
			got, text := "", strings.Join(append(v.Notes, v.Allowed...), "; ")
			var refusal *Refusal
			if errors.As(err, &refusal) {
				got, text = refusal.Verdict, refusal.Reason
			} else if err != nil {
				t.Fatal(err)
			}
			if got != c.verdict || !strings.Contains(text, c.says) {
				t.Errorf("%q (%s), want %q (%s)", got, text, c.verdict, c.says)
			}
			if got == "" && !v.Signed.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("signed %s", v.Signed)
			}
		})
	}
}
