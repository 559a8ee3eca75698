package sources

import (
	"context"
	"errors"

	"github.com/package-url/packageurl-go"

	"forge/recipes"
)

func (g *Getter) openNPM(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	return nil, errors.New("todo")
}
func (g *Getter) openPyPI(ctx context.Context, p packageurl.PackageURL, want ask) (*body, error) {
	return nil, errors.New("todo")
}
func (g *Getter) openCargo(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	return nil, errors.New("todo")
}
func (g *Getter) closure(ctx context.Context, urls []string, file File) ([]File, error) {
	return nil, nil
}
func (g *Getter) layClosure(ctx context.Context, f *Fetched, extra string) (map[string]string, error) {
	return nil, nil
}
func (g *Getter) fetchGit(ctx context.Context, origin recipes.Origin, src recipes.Source) (Fetched, error) {
	return Fetched{}, errors.New("todo")
}
func goTop(src recipes.Source) string { return "" }
