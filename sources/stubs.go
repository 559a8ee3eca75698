package sources

import (
	"context"
	"errors"

	"forge/recipes"
)

func (g *Getter) fetchGit(ctx context.Context, origin recipes.Origin, src recipes.Source) (Fetched, error) {
	return Fetched{}, errors.New("todo")
}
