package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Items returns the items of a list by its path, each as the JSON that it is; none
// where the field is not there.
func (o *Object) Items(path string) ([]json.RawMessage, error) {
	value := json.RawMessage(o.JSON)
	for _, segment := range strings.Split(path, ".") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(value, &fields); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if value = fields[segment]; value == nil {
			return nil, nil
		}
	}
	var items []json.RawMessage
	if err := json.Unmarshal(value, &items); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return items, nil
}
