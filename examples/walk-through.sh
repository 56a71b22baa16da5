#!/bin/sh
# The walk-through of walk-through.md, from an empty folder to proven books. Needs the binary, curl and Node.js (which
# reads the JSON answers here); the two networks are fetched by `cargo xtask peers`. Ends with 0 only if all of it held.
#
#   TOKENGINE    the binary; by default the one that was built last, else it is built
#   ANVIL        the development node; by default that of the PATH, else that of the tests
#   PORTS        four free ports: two networks, doors, probes; by default 8545 9545 8700 8701
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
if [ -z "${TOKENGINE:-}" ]; then
  TOKENGINE=$(ls -t "$top"/target/release/tokengine "$top"/target/debug/tokengine 2>/dev/null | head -n 1 || true)
  [ -n "$TOKENGINE" ] || { (cd "$top" && cargo build); TOKENGINE=$top/target/debug/tokengine; }
fi
if [ -z "${ANVIL:-}" ] && ! ANVIL=$(command -v anvil); then
  peers=${TOKENGINE_PEERS:-$(cd "$top" && cargo xtask peers | sed -n 's/^peers are in //p')}
  ANVIL=$(ls -t "$peers"/anvil-*/node_modules/@foundry-rs/anvil-*/bin/anvil | head -n 1)
fi
# shellcheck disable=SC2086
set -- ${PORTS:-8545 9545 8700 8701}
north_port=$1 south_port=$2 port=$3 health_port=$4

work=$(mktemp -d)
running=
finish() {
  code=$?
  trap - EXIT
  for process in $running; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ "$code" -ne 0 ] && [ -f "$work/serve.log" ]; then tail -n 20 "$work/serve.log" >&2; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { printf '\n# %s\n' "$*"; }
fail() { echo "walk-through: $*" >&2; exit 1; }
# json .path reads one value out of a JSON text on standard input.
json() {
  node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>{
    let v=JSON.parse(t);for(const p of process.argv[1].split(".").filter(Boolean))v=v==null?v:v[p];
    console.log(v==null?"":typeof v==="object"?JSON.stringify(v):v)})' "$1"
}
# need VALUE WHAT fails when there is no value.
need() { [ -n "$1" ] || fail "no $2"; }
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
# A UUIDv7: 48 bits of milliseconds, the version, the variant, and random bits.
uuid7() {
  time=$(printf '%012x' $(($(date +%s) * 1000)))
  printf '%.8s-%s-7%.3s-8%.3s-%.12s' "$time" "${time#????????}" "$(random_hex 2)" "$(random_hex 2)" "$(random_hex 6)"
}
until_ok() { # until_ok SECONDS COMMAND...
  left=$(($1 * 5)); shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail "waited in vain for: $*"
    sleep 0.2
  done
}
node_rpc() { # node_rpc URL METHOD PARAMS
  curl -sS --fail -H 'Content-Type: application/json' \
    -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$2\",\"params\":$3}" "$1"
}

step "two networks that make a block every two seconds"
export NORTH_URL="http://127.0.0.1:$north_port" SOUTH_URL="http://127.0.0.1:$south_port"
"$ANVIL" --silent --host 127.0.0.1 --port "$north_port" --chain-id 31337 --block-time 2 >"$work/north.log" 2>&1 &
running="$running $!"
"$ANVIL" --silent --host 127.0.0.1 --port "$south_port" --chain-id 31338 --block-time 2 >"$work/south.log" 2>&1 &
running="$running $!"
until_ok 30 node_rpc "$NORTH_URL" eth_chainId '[]'
until_ok 30 node_rpc "$SOUTH_URL" eth_chainId '[]'
bank=$(node_rpc "$NORTH_URL" eth_accounts '[]' | json .result.0)
customer=$(node_rpc "$NORTH_URL" eth_accounts '[]' | json .result.1)
echo "networks eip155:31337 and eip155:31338; the customer's address is $customer"

step "keys, an API key, and the engine"
cp "$here/walk-through.toml" "$work/tokengine.toml"
cd "$work"
umask 077
"$TOKENGINE" keys new hot --password-file secrets/hot.password --make-password >keys.txt
"$TOKENGINE" keys new deposits --family --password-file secrets/deposits.password --make-password >>keys.txt
"$TOKENGINE" config check
"$TOKENGINE" keys api-key --name walk-through --scopes all --out secrets/api-key
hot=$("$TOKENGINE" keys address hot)
"$TOKENGINE" serve --listen "127.0.0.1:$port" --health-listen "127.0.0.1:$health_port" 2>serve.log &
engine=$!
running="$engine $running"
until_ok 60 curl -sS --fail "http://127.0.0.1:$health_port/readyz"

URL="http://127.0.0.1:$port"
auth="Authorization: Bearer $(cat secrets/api-key)"
ask() { curl -sS --fail-with-body -H "$auth" "$@"; }                                    # ask URL
post() { path=$1 body=$2; shift 2; ask -H 'Content-Type: application/json' -d "$body" "$@" "$URL$path"; }
keyed() { key=$1; shift; post "$@" -H "Idempotency-Key: $key"; }                         # keyed KEY PATH BODY

step "the operator brings 20 ETH to the hot wallet of eip155:31338 and says so"
paid=$(node_rpc "$SOUTH_URL" eth_sendTransaction "[{\"from\":\"$bank\",\"to\":\"$hot\",\"value\":\"0x1158e460913d00000\"}]" | json .result)
keyed "$(uuid7)" /v1/operator/funding "{\"network\":\"eip155:31338\",\"transaction\":\"$paid\",\"reason\":\"first funds\"}"
echo

step "an account that the operator names, and an address for it on eip155:31337"
post /v1/accounts '{"id":"alice"}'
echo
address=$(post /v1/accounts/alice/deposit-addresses '{"network":"eip155:31337"}' | json .address)
need "$address" "deposit address"
echo "$address"

step "the customer deposits 3 ETH there, and claims it"
deposit=$(node_rpc "$NORTH_URL" eth_sendTransaction "[{\"from\":\"$customer\",\"to\":\"${address##*:}\",\"value\":\"0x29a2241af62c0000\"}]" | json .result)
claim=$(keyed "$(uuid7)" /v1/deposits "{\"network\":\"eip155:31337\",\"transaction\":\"$deposit\",\"account\":\"alice\"}" | json .id)
need "$claim" claim
tries=0
while :; do # each look waits until something changes
  found=$(ask "$URL/v1/claims/$claim?wait=20s")
  status=$(echo "$found" | json .deposits.0.status)
  echo "claim $(echo "$found" | json .status); deposit ${status:-not seen yet} $(echo "$found" | json .deposits.0.sub_status)"
  [ "$status" = credited ] && break
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || fail "the deposit was not credited"
done

step "the balance"
ask "$URL/v1/accounts/alice/balances"
echo

step "what a withdrawal of 1.25 ETH on eip155:31338 would cost"
quote=$(post /v1/withdrawals/quote '{"asset":"eip155:31338/slip44:60","amount":{"decimal":"1.25"}}')
echo "$quote"
[ "$(echo "$quote" | json .available)" = true ] || fail "it is not available"
# The funding must have arrived, or the withdrawal waits for liquidity; waiting for it shows a plainer history.
tries=0
while [ "$(ask "$URL/v1/deposits?network=eip155:31338&transaction=$paid" | json .items.0.status)" != equity ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 150 ] || fail "the funding was not counted"
  sleep 0.2
done

step "the withdrawal; the account is one that the operator named, so the API key is enough"
to=$(node_rpc "$SOUTH_URL" eth_accounts '[]' | json .result.2)
before=$(node_rpc "$SOUTH_URL" eth_getBalance "[\"$to\",\"latest\"]" | json .result)
order="{\"account\":\"alice\",\"asset\":\"eip155:31338/slip44:60\",\"amount\":{\"decimal\":\"1.25\"},\"destination\":\"eip155:31338:$to\",\"max_fee\":{\"decimal\":\"0.01\"},\"external_id\":\"order-1\"}"
key=$(uuid7)
withdrawal=$(keyed "$key" /v1/withdrawals "$order" | json .id)
need "$withdrawal" withdrawal
echo "$withdrawal"

step "the same request with the same key is the same withdrawal"
again=$(keyed "$key" /v1/withdrawals "$order" | json .id)
[ "$again" = "$withdrawal" ] || fail "it was taken twice"
echo "$again"

step "a second one under the same external id is refused, whatever its key"
curl -sS -H "$auth" -H 'Content-Type: application/json' -H "Idempotency-Key: $(uuid7)" -d "$order" "$URL/v1/withdrawals" >second.json
cat second.json
echo
[ "$(json .code <second.json)" = external-id-used ] || fail "it was not refused"

step "waiting for its end"
tries=0
while :; do
  seen=$(ask "$URL/v1/withdrawals/$withdrawal?wait=20s")
  outcome=$(echo "$seen" | json .outcome)
  echo "$(echo "$seen" | json .status) $(echo "$seen" | json .sub_status) (outcome: $outcome)"
  [ "$outcome" = unknown ] || break
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || fail "the withdrawal did not end"
done
[ "$outcome" = done ] || fail "it was not paid"
echo "$seen" | json .proof
after=$(node_rpc "$SOUTH_URL" eth_getBalance "[\"$to\",\"latest\"]" | json .result)
arrived=$(node -p "(BigInt('$after') - BigInt('$before')).toString()")
[ "$arrived" = 1250000000000000000 ] || fail "$arrived wei arrived"
echo "$arrived wei arrived at $to"

step "the account's history, newest first"
ask "$URL/v1/accounts/alice/history"
echo

step "the books, added up account by account; and what needs a person"
ask "$URL/v1/operator/books?prove=true"
echo
work_list=$(ask "$URL/v1/operator/work")
echo "$work_list"
[ "$(echo "$work_list" | json .items.length)" = 0 ] || fail "something needs a person"

step "an orderly stop, and the journal checked from its first byte"
kill "$engine"
wait "$engine" || fail "the engine did not end well"
"$TOKENGINE" verify
printf '\nall of it held\n'
