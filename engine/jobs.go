package engine

import (
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"forge/sandbox"
)

// These scripts stand in for make and ninja in a build. GNU make leaves a jobserver as soon as it is given
// -jN, and ninja too; the scripts join them to the build's where the recipe asks for parallel jobs, and
// leave all else as it is. The programs themselves stay where they are looked for, so that no path in a
// package changes.
var (
	//go:embed jobs.sh
	jobScript string
	//go:embed jobs_make.sh
	makeScript string
	//go:embed jobs_ninja.sh
	ninjaScript string
)

// A jobProgram is one that starts jobs.
type jobProgram struct {
	name, script  string
	flags, valued string // its options that take no value, and those whose value is the next word
}

func jobPrograms() []jobProgram {
	return []jobProgram{
		{"make", makeScript, "bBdeikLnpqrRsStvw", "CfIoWE"},
		{"ninja", ninjaScript, "nvh", "Cfkldw"},
	}
}

// text is the script that stands in for p. Its real program lies at real.
func (p jobProgram) text(inside, real string, size, cpus int) string {
	standard := cpus + 2 // ninja's own (GuessParallelism)
	if cpus < 2 {
		standard = cpus + 1
	}
	return strings.NewReplacer("$jobs/@NAME@.real", real, "@JOBS@", inside, "@NAME@", p.name, "@SIZE@", strconv.Itoa(size),
		"@FLAGS@", p.flags, "@VALUED@", p.valued, "@DEFAULT@", strconv.Itoa(standard)).Replace(jobScript + p.script)
}

// jobsFolder is where it lies, below the layout's root.
const jobsFolder = "/jobs"

// shareJobs gives the build of spec its jobserver. Where there can be none it gets none, and its jobs are
// bounded by CPU_COUNT alone, as ever.
func (j *job) shareJobs(spec *sandbox.Spec) (*jobserver, error) {
	if j.tokens == nil || !spec.Level.Places() {
		return nil, nil
	}
	if !j.hasJobPrograms(spec) {
		return nil, nil
	}
	// Patches, scripts and bytecode run one after the other, each with a folder of its own.
	dir, err := os.MkdirTemp(j.site.dir, "jobs-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	pipe, err := makeFIFO(filepath.Join(dir, "tokens"))
	if err != nil {
		return nil, nil // not on this system, or not on this file system
	}
	inside := j.site.at.root + jobsFolder
	found, err := j.standIn(spec, dir, inside)
	if err != nil || !found {
		return nil, errors.Join(err, pipe.Close())
	}
	return j.tokens.join(pipe, j.tools.Now), nil
}

// hasJobPrograms tells whether any program is there that would ask for jobs.
func (j *job) hasJobPrograms(spec *sandbox.Spec) bool {
	for _, p := range jobPrograms() {
		if programOf(spec.Mounts, "/usr/bin/"+p.name) != "" {
			return true
		}
		if _, err := os.Lstat(filepath.Join(j.site.build, "bin", p.name)); err == nil {
			return true
		}
	}
	return false
}

// standIn puts the script in the place of each program, and the program where the script finds it.
func (j *job) standIn(spec *sandbox.Spec, dir, inside string) (found bool, err error) {
	build, err := os.OpenRoot(j.site.build) // an earlier script may have left links out of it
	if err != nil {
		return false, err
	}
	defer build.Close()
	var mounts []sandbox.Mount
	for _, p := range jobPrograms() {
		text := func(real string) []byte { return []byte(p.text(inside, real, j.tokens.size, j.req.CPUs)) }
		if real := programOf(spec.Mounts, "/usr/bin/"+p.name); real != "" {
			script, at := filepath.Join(dir, p.name), inside+"/"+p.name+".real"
			// What is mounted over must be there: the folder is read-only inside.
			if err := errors.Join(os.WriteFile(script, text(at), 0o755), os.WriteFile(filepath.Join(dir, p.name+".real"), nil, 0o755)); err != nil {
				return false, err
			}
			mounts = append(mounts, sandbox.Mount{Source: real, Target: at}, sandbox.Mount{Source: script, Target: "/usr/bin/" + p.name})
		}
		own := filepath.Join("bin", p.name)
		if _, err := build.Lstat(own + ".real"); err == nil {
			found = true // of an earlier script of this build
			continue
		}
		if info, err := build.Lstat(own); err == nil && info.Mode().IsRegular() && !j.a.Output.Build.MergeBuildHost {
			err := errors.Join(build.Rename(own, own+".real"), writeMade(build, own, text(j.site.at.build+"/bin/"+p.name+".real"), 0o755))
			if err != nil {
				return false, err
			}
			found = true
		}
	}
	if len(mounts) == 0 && !found {
		return false, nil
	}
	spec.Mounts = append(append(spec.Mounts, sandbox.Mount{Source: dir, Target: inside}), mounts...)
	return true, nil
}

// programOf is the file on this machine that mounts show at target, empty where it is none of its own.
func programOf(mounts []sandbox.Mount, target string) string {
	for _, m := range mounts {
		rel, ok := strings.CutPrefix(target, m.Target+"/")
		if !ok || m.Source == "" {
			continue
		}
		file := filepath.Join(m.Source, filepath.FromSlash(rel))
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}
