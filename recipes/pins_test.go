package recipes

import "testing"

// The expectations are those of rattler-build's pins.
func TestPinApply(t *testing.T) {
	for _, tt := range []struct {
		pin           Pin
		version, want string
	}{
		{Pin{Name: "foo", Lower: "x.x", Upper: "x.x.x"}, "9.0", "foo >=9.0,<9.0.1.0a0"},
		{Pin{Name: "foo", Lower: "x.x.x.x", Upper: "x.x.x"}, "9", "foo >=9,<9.0.1.0a0"},
		{Pin{Name: "jpeg", Upper: "x.x"}, "9d", "jpeg <9d.1.0a0"},
		{Pin{Name: "jpeg", Lower: "x", Upper: "x"}, "9d", "jpeg >=9d,<10a"},
		{Pin{Name: "test", Lower: "x.x.x"}, "1.2.3", "test >=1.2.3"},
		{Pin{Name: "openssl", Lower: "x.x.x", Upper: "x.x.x"}, "1.0.2j", "openssl >=1.0.2j,<1.0.3a"},
		{Pin{Name: "openssl", Lower: "x.x.x", Upper: "x.x.x.x"}, "1.0.2j", "openssl >=1.0.2j,<1.0.2j.1.0a0"},
		{Pin{Name: "epoch", Lower: "x.x", Upper: "x.x.x"}, "5!1.2.3", "epoch >=5!1.2,<5!1.2.4.0a0"},
		{Pin{Name: "local", Lower: "x.x", Upper: "x.x.x"}, "5!1.2.3+3.4", "local >=5!1.2+3.4,<5!1.2.4.0a0"},
		{Pin{Name: "bounds", Lower: "1.2", Upper: "1.2.5"}, "1.2.3", "bounds >=1.2,<1.2.5"},
		{Pin{Name: "foo", Exact: true}, "1.2.3", "foo ==1.2.3 h1_0"},
		{Pin{Name: "foo", Lower: "x.x.x", Upper: "x", Build: "foo*"}, "1.2.3", "foo >=1.2.3,<2.0a0 foo*"},
		{Pin{Name: "foo", Build: "foo*"}, "1.2.3", "foo * foo*"},
	} {
		got, err := tt.pin.Apply(tt.version, "h1_0")
		if err != nil || got != tt.want {
			t.Errorf("%+v of %s: got %q, %v, want %q", tt.pin, tt.version, got, err, tt.want)
		}
	}
	for _, p := range []Pin{{Name: "a", Upper: "."}, {Name: "a", Lower: "."}} {
		if _, err := p.Apply("1", "0"); err == nil {
			t.Errorf("%+v: no error", p)
		}
	}
}
