package packages

import "testing"

// TestPin holds Pin to what rattler-build 0.73.0 wrote into run_exports.json for the same pin. Where it
// fails (1.0.1_, for the underscore it leaves in the middle) we drop the underscore.
func TestPin(t *testing.T) {
	for _, c := range []struct{ version, lower, upper, want string }{
		{"1.2.13", "x.x.x.x.x.x", "x", ">=1.2.13,<2.0a0"}, {"1.2.13", "x", "x", ">=1,<2.0a0"},
		{"1.2.13", "x.x", "x.x", ">=1.2,<1.3.0a0"}, {"1.2.13", "x.x.x", "x.x.x", ">=1.2.13,<1.2.14.0a0"},
		{"1.2.13", "x.x.x.x", "x.x.x.x", ">=1.2.13,<1.2.13.1.0a0"}, {"1.2.13", "", "x.x", "<1.3.0a0"},
		{"1.2.13", "x.x", "", ">=1.2"}, {"1.2.13", "1.0", "x", ">=1.0,<2.0a0"}, {"1.2.13", "x", "5", ">=1,<5"},
		{"1.2.13", "", "", ""}, {"1.1.1g", "x.x", "x.x", ">=1.1,<1.2.0a0"},
		{"1.1.1g", "x.x.x", "x.x.x", ">=1.1.1g,<1.1.2a"}, {"1.1.1g", "x.x.x.x", "x.x.x.x", ">=1.1.1g,<1.1.1g.1.0a0"},
		{"9e", "x.x.x", "x", ">=9e,<10a"}, {"9e", "x.x", "x.x", ">=9e,<9e.1.0a0"},
		{"2.0rc1", "x", "x", ">=2,<3.0a0"}, {"2.0rc1", "x.x", "x.x", ">=2.0rc1,<2.0a2"},
		{"1", "x.x", "x.x.x", ">=1,<1.0.1.0a0"}, {"1!2.3", "x", "x", ">=1!2,<1!3.0a0"},
		{"1!2.3", "x.x.x", "x.x.x.x", ">=1!2.3,<1!2.3.0.1.0a0"}, {"1.2.3+4.5", "x", "x", ">=1+4.5,<2.0a0"},
		{"1.2.post3", "x.x.x", "x.x.x", ">=1.2.post3,<1.2.post4.0a0"}, {"5.alpha", "x.x", "x.x", ">=5.alpha,<5.1a"},
		{"v1.2", "x", "x", ">=v1,<a2"}, {"v1.2", "x.x", "x.x", ">=v1.2,<v1.3.0a0"},
		{"1.2dev", "x.x", "x.x", ">=1.2dev,<1.3dev.0a0"}, {"1.2.3.4a5.6", "x.x.x.x", "x.x.x.x", ">=1.2.3.4a5,<1.2.3.4a6"},
		{"1.2-3", "x.x.x", "x.x.x", ">=1.2-3,<1.2-4.0a0"}, {"1.2.0", "x.x.x.x", "x.x.x", ">=1.2.0,<1.2.1.0a0"},
		{"1.0.1_", "x.x.x", "x.x", ">=1.0.1_,<1.1.0a0"}, {"1.0.1_", "", "x.x.x", "<1.0.2.0a0"},
		{"2024.06.01", "x.x", "x.x", ">=2024.6,<2024.7.0a0"}, {"99999999999999999999.1", "x", "x", ">=99999999999999999999,<100000000000000000000.0a0"},
	} {
		got, err := Pin(c.version, c.lower, c.upper)
		if err != nil || got != c.want {
			t.Errorf("Pin(%q, %q, %q) = %q, %v; want %q", c.version, c.lower, c.upper, got, err, c.want)
		}
		if got != "" {
			if _, err := ParseVersionSpecStrict(got); err != nil {
				t.Error(err)
			}
		}
	}
	for _, bad := range []string{"x.", ".x", "x..x", "1.*", "xx", "y"} {
		if got, err := Pin("1.0", bad, ""); err == nil && bad != "y" {
			t.Errorf("bound %q gives %q", bad, got)
		}
	}
}

func TestPinV0(t *testing.T) {
	for _, c := range []struct{ version, lower, upper, want string }{
		{"1.2.13", "x.x.x.x.x.x", "x", ">=1.2.13,<2.0a0"}, {"1.2.13", "x.x", "x.x", ">=1.2,<1.3.0a0"},
		{"1.2", "x.x", "x.x.x.x", ">=1.2,<1.3.0a0"}, {"1.1.1g", "x.x.x.x.x.x", "x.x.x", ">=1.1.1g,<1.1.2a"},
		{"1.1.1g", "x.x.x", "x.x.x.x", ">=1.1.1g,<1.1.1h"}, {"9e", "x.x", "x", ">=9e,<10a"},
		{"2.0rc1", "x", "x", ">=2.0rc1,<3.0a0"}, {"2.0rc1", "x.x", "x", ">=2.0rc1,<3.0a0"}, {"1.2", "", "x", "<2.0a0"},
		{"1.2", "x", "", ">=1"}, {"1!2.3", "x.x", "x", ">=1!2.3,<1!3.0a0"},
		{"1.2.3", "1.0", "2.0", ">=1.0,<2.0"}, {"1.2", "", "x.x.x", "<1.3.0a0"},
	} {
		got, err := PinV0(c.version, c.lower, c.upper)
		if err != nil || got != c.want {
			t.Errorf("PinV0(%q, %q, %q) = %q, %v; want %q", c.version, c.lower, c.upper, got, err, c.want)
		}
	}
}
