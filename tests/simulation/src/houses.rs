//! The taxpayers of one run: one large and some small, with income sources, credentials and roads of their own.

use invoice::event::Family;
use invoice::{Environment, IncomeSource, Profile, Registration};
use jofotara::{Credentials, Endpoint};
use ledger::{Live, Registrations, unchanging};
use simulator::{Authority, Device};
use submitter::Endpoints;

use tests::random::Random;

/// One income source.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) source: IncomeSource,
    pub(crate) family: Family,
    /// Which of the authority's addresses it sends to.
    address: u16,
}

impl House {
    fn new(tax_number: &str, sequence: &str, family: Family, address: u16) -> Self {
        let source = IncomeSource { tax_number: tax_number.to_owned(), sequence: sequence.to_owned() };
        Self { source, family, address }
    }

    /// Whether both send to the same address.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.address == other.address
    }

    pub(crate) fn client_id(&self) -> String {
        format!("client-{}", self.source.sequence)
    }

    pub(crate) fn secret_key(&self) -> String {
        format!("secret-{}", self.source.sequence)
    }
}

/// Two income sources of one taxpayer, and two taxpayers with one each; a run has some of them.
pub(crate) fn draw(random: &mut Random) -> Vec<House> {
    let mut houses = vec![
        House::new("11111111", "1001001", Family::Income, 9),
        House::new("22222222", "2002002", Family::GeneralSales, 9),
        House::new("11111111", "1001002", Family::Income, 10),
        House::new("33333333", "3003003", Family::GeneralSales, 10),
    ];
    houses.truncate(*random.pick(&[1, 2, 2, 3, 4]));
    houses
}

/// Makes them known to an authority.
pub(crate) fn register(houses: &[House], authority: &mut Authority) {
    for house in houses {
        authority.register(Device {
            client_id: house.client_id(),
            secret_key: house.secret_key(),
            tax_number: house.source.tax_number.clone(),
            income_source: house.source.sequence.clone(),
            family: if house.family == Family::Income {
                simulator::Family::Income
            } else {
                simulator::Family::General
            },
            consumer_price: false,
        });
    }
}

/// As the roles know them.
pub(crate) fn registrations(houses: &[House]) -> Live<Registrations> {
    let registration = |house: &House| {
        let registration = Registration {
            environment: Environment::Simulation,
            family: Some(house.family),
            icv_start: 1,
            profile: Profile::default(),
            active: true,
        };
        (house.source.clone(), registration)
    };
    unchanging(houses.iter().map(registration).collect())
}

/// Where they send to.
pub(crate) fn endpoints(houses: &[House], timeout: std::time::Duration) -> Endpoints {
    let endpoint = |house: &House| {
        let url = format!("http://127.0.0.1:{}/core/invoices/", house.address);
        let credentials = Credentials { client_id: house.client_id(), secret_key: house.secret_key().into() };
        let endpoint =
            Endpoint::new(Environment::Simulation, &url, credentials, timeout).expect("a simulated endpoint");
        ((Environment::Simulation, house.source.clone()), endpoint)
    };
    houses.iter().map(endpoint).collect()
}
