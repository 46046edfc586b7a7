// Command argo-lua runs a health check as Argo CD runs those of its users: the same interpreter, with the few libraries that it gives
// them where they have not asked for more.
//
// Its argument is the script's file; standard input has objects in JSON, one after the other. Of each it prints what the script says,
// as a line of JSON.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	lua "github.com/yuin/gopher-lua"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: argo-lua SCRIPT <OBJECTS")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	objects := json.NewDecoder(os.Stdin)
	for {
		var object any
		if err := objects.Decode(&object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		if err := judge(string(script), object); err != nil {
			log.Fatal(err)
		}
	}
}

func judge(script string, object any) error {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return err
		}
	}
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return err
	}
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return fmt.Errorf("the script returns %s, not a table", state.Get(-1).Type())
	}
	said := map[string]string{}
	health.ForEach(func(key, value lua.LValue) { said[key.String()] = value.String() })
	return json.NewEncoder(os.Stdout).Encode(said)
}

// value is what of JSON is in a script: null is nil, and every number the one kind that there is.
func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case float64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		table := state.NewTable()
		for _, item := range from {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range from {
			table.RawSetString(key, value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
