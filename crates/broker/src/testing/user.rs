//! A second user of the broker, who may publish to one virtual host and nothing else. Must not know what is published.

use uuid::Uuid;

use super::TestVhost;
use super::vhost::{name_of_the_run, rabbitmqctl};

/// A user with a random name and password; gone when this is dropped.
#[derive(Debug)]
pub struct TestUser {
    name: String,
    url: String,
}

impl TestUser {
    /// Makes one that may publish through the default exchange of this virtual host.
    ///
    /// # Panics
    /// When `rabbitmqctl` fails.
    pub async fn publisher(vhost: &TestVhost) -> Self {
        let (name, password) = (name_of_the_run(), Uuid::new_v4().simple().to_string());
        vhost.rabbitmqctl(&["add_user", &name, &password]).await;
        let url = vhost.url_text();
        let (scheme, rest) = url.split_once("://").expect("it is a URL");
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let user = Self { url: format!("{scheme}://{name}:{password}@{place}"), name };
        let permissions =
            ["set_permissions", "--vhost", vhost.name(), &user.name, "^$", r"^amq\.default$", "^$"];
        vhost.rabbitmqctl(&permissions).await;
        user
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The virtual host's address, as this user.
    #[must_use]
    pub fn url_text(&self) -> &str {
        &self.url
    }
}

impl Drop for TestUser {
    fn drop(&mut self) {
        // As well as it goes: whoever runs the tests sweeps up what is left over.
        let _ = rabbitmqctl(&["delete_user".to_owned(), self.name.clone()]);
    }
}
