package sources

import (
	"context"
	"strings"
	"testing"

	"forge/recipes"
)

// The expectations are those of rattler-build 0.73.
func TestGitFacts(t *testing.T) {
	dir, git := repository(t)
	commit(t, dir, git, map[string]string{"f": "1", "sub/g": "1"})
	git("tag", "v1.9.0")
	tagged := commit(t, dir, git, map[string]string{"f": "2"})
	git("tag", "-a", "v1.10.0", "-m", "x")
	git("tag", "zeta")
	commit(t, dir, git, map[string]string{"f": "3"})
	head := commit(t, dir, git, map[string]string{"f": "4"})
	f := &GitFacts{Context: context.Background(), Getter: New(Config{Offline: true})}
	near, highest := recipes.Tag{Name: "v1.10.0", Commit: tagged, Distance: 2}, recipes.Tag{Name: "zeta", Commit: tagged, Distance: -1}
	for _, tt := range []struct {
		repository string
		tag        recipes.Tag
	}{{dir, near}, {".", near}, {"sub", near}, {"file://" + dir, highest}} {
		if got, err := f.HeadRev(tt.repository, dir); got != head || err != nil {
			t.Errorf("head of %s: %s, %v", tt.repository, got, err)
		}
		if got, err := f.LatestTag(tt.repository, dir); got != tt.tag || err != nil {
			t.Errorf("tag of %s: %+v, %v", tt.repository, got, err)
		}
	}
	for repository, why := range map[string]string{"nowhere": "there is no repository", "--upload-pack=x": "no address", "ext::sh -c x": "no address",
		"https://git.example/x": "--offline", t.TempDir(): "there is no repository"} {
		if _, err := f.HeadRev(repository, dir); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", repository, err)
		}
	}
}
