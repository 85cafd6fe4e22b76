# npm's version ranges: which versions does `^18 || >=20.1 <21` mean?
#
# A range becomes alternatives (||), each a list of half-open intervals {from, below} that a version must lie in all of.
# Runtimes have no pre-releases, so a `-rc.1` or `+build` behind a version is read and ignored.

# "1.x" to [1, null, null]: null stands for every number.
def partial:
  (capture("^[v=]*(?<a>[0-9]+|[xX*])(\\.(?<b>[0-9]+|[xX*]))?(\\.(?<c>[0-9]+|[xX*]))?(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?$")
    // error("not a version: \(.)"))
  | [.a, .b, .c] | map(if . == null or test("[xX*]") then null else tonumber end)
  | if .[0] == null then [null, null, null] elif .[1] == null then [.[0], null, null] else . end;

def lowest: map(. // 0);

# The first version after all that the partial one stands for; null where there is none.
def after:
  if .[0] == null then null
  elif .[1] == null then [.[0] + 1, 0, 0]
  elif .[2] == null then [.[0], .[1] + 1, 0]
  else [.[0], .[1], .[2] + 1] end;

def same_minor: if .[0] == null or .[1] == null then after else [.[0], .[1] + 1, 0] end;

def same_leading_number:
  if .[0] == null or .[0] > 0 or .[1] == null then [.[0], null, null] | after
  elif .[1] > 0 or .[2] == null then [0, .[1] + 1, 0]
  else after end;

def interval:
  capture("^(?<op>[<>=~^]*)(?<version>.*)$") as $it
  | ($it.version | if . == "" then "*" else . end | partial) as $v
  | if $it.op | IN("", "=") then {from: ($v | lowest), below: ($v | after)}
    elif $it.op == ">=" then {from: ($v | lowest), below: null}
    elif $it.op == ">" then {from: (($v | after) // [infinite]), below: null}
    elif $it.op == "<" then {from: [0, 0, 0], below: ($v | lowest)}
    elif $it.op == "<=" then {from: [0, 0, 0], below: ($v | after)}
    elif $it.op | IN("~", "~>") then {from: ($v | lowest), below: ($v | same_minor)}
    elif $it.op == "^" then {from: ($v | lowest), below: ($v | same_leading_number)}
    else error("not an operator: \($it.op)") end;

def alternative:
  gsub("(?<op>[<>=~^])\\s+"; .op) | gsub("^\\s+|\\s+$"; "")
  | if . == "" then "*" else . end
  | if test("\\s-\\s") then
      capture("^(?<low>\\S+)\\s+-\\s+(?<high>\\S+)$") // error("not a range: \(.)")
      | [(">=" + .low | interval), ("<=" + .high | interval)]
    else [splits("\\s+")] | map(interval) end;

def alternatives: [splits("\\|\\|")] | map(alternative);

def satisfies($alternatives):
  (split(".") | map(tonumber)) as $v
  | any($alternatives[]; all(.[]; .from <= $v and (.below == null or $v < .below)));

# From lines of versions, newest first: the first that $range allows. An ill-formed range is an error.
def newest($range): ($range | alternatives) as $alternatives | first([inputs][] | select(satisfies($alternatives)));
