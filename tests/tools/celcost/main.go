// Evaluates CEL expressions in the API server's own environment and prints what each one cost.
//
// Reads a JSON document {"values": {name: value}, "expressions": [text]} and writes a JSON list
// with a number for each expression: its actual cost, or null where it does not compile. An
// expression that fails at evaluation counts what it cost until then.
package main

import (
	"encoding/json"
	"os"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

type input struct {
	Values      map[string]any `json:"values"`
	Expressions []string       `json:"expressions"`
}

func main() {
	var given input
	decoder := json.NewDecoder(os.Stdin)
	decoder.UseNumber()
	if err := decoder.Decode(&given); err != nil {
		panic(err)
	}
	for name, value := range given.Values {
		given.Values[name] = plain(value)
	}
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	options := environment.VersionedOptions{IntroducedVersion: version.MajorMinor(1, 0)}
	for name := range given.Values {
		options.EnvOptions = append(options.EnvOptions, cel.Variable(name, cel.DynType))
	}
	extended, err := base.Extend(options)
	if err != nil {
		panic(err)
	}
	env, err := extended.Env(environment.StoredExpressions)
	if err != nil {
		panic(err)
	}
	costs := make([]*uint64, len(given.Expressions))
	for number, text := range given.Expressions {
		tree, issues := env.Compile(text)
		if issues != nil && issues.Err() != nil {
			continue
		}
		program, err := env.Program(tree, cel.CostTracking(&library.CostEstimator{}), cel.CostLimit(1000000000000))
		if err != nil {
			continue
		}
		_, details, _ := program.Eval(given.Values)
		if details != nil {
			costs[number] = details.ActualCost()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(costs); err != nil {
		panic(err)
	}
}

// plain turns JSON numbers into int64 where they are whole, as an API server decodes them.
func plain(value any) any {
	switch given := value.(type) {
	case json.Number:
		if whole, err := given.Int64(); err == nil {
			return whole
		}
		number, _ := given.Float64()
		return number
	case map[string]any:
		for key, each := range given {
			given[key] = plain(each)
		}
	case []any:
		for index, each := range given {
			given[index] = plain(each)
		}
	}
	return value
}
