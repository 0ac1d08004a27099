use vigil_economics::{
    players::Play,
    report::{Case, Row, Runs},
    rules::{Economy, Rules},
};
use vigil_primitives::MILLI;
#[test]
fn zz() {
    let runs = Runs { jobs: 10_000, seed: 100, markets: 10 };
    for (cost, spread) in [(MILLI * 8 / 10, (80, 125)), (MILLI, (100, 100)), (MILLI, (99, 101))] {
        for play in [Play::Colluding, Play::Withholding] {
            for n in [4, 8, 10, 12, 14] {
                for price in [100, 98, 80, 60] {
                    let e = Economy { cost, spread, ..Economy::default() };
                    let c = Case::new("", "", play, n).asking(price, price).against_the_market();
                    let r = Row::run(c, Rules::default(), e, runs);
                    println!(
                        "cost {} {play:?} {n} price {price}: margin {:+.1} left {:.1}  wrong {}",
                        cost as f64 / MILLI as f64,
                        r.margin(),
                        r.cheat.profit() as f64 / 1e12,
                        r.cheat.wrong
                    );
                }
            }
        }
    }
}
