use crate::fixtures::*;
use crate::meanwhile::Meanwhile;
use std::sync::{Arc, Mutex};

const HOUR: i64 = 3600;

#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<String>>);

impl Events for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        let line = match event {
            Event::LoopFound { found } => format!("loop {}", found.device),
            Event::DeviceSilent { device, last_seen } => {
                format!("silent {device} {}", (last_seen.as_seconds() - NOW.as_seconds()) / HOUR)
            }
            Event::FleetCounted { states, .. } => format!("counted {states:?}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn a_loop_and_a_silent_device_are_reported_once_and_again_after_they_came_back() {
    let store = MemoryStore::default();
    let admin = with_sample(store.clone()).await;
    admin.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let recorder = Arc::new(Recorder::default());
    let clock = Arc::new(SettableClock::at(NOW));
    let options = logging().with_clock(clock.clone()).with_events(recorder.clone());
    let service = UpdateService::open(Arc::new(store), options).await.unwrap();
    let ask_at = |hour: i64, mac: &str, version: &str| {
        clock.set(UnixTime::from_seconds(NOW.as_seconds() + hour * HOUR));
        let mut request = request(&sample::ip8540(), version);
        request.device.mac_address = Reported::new(mac);
        request.device.serial_number = Reported::default();
        service.answer(&request, Asker { side: Side::Internal, host: "10.1.1.9" }).unwrap();
    };
    let mut watch = TroubleWatch::new(Zone::utc());
    ask_at(0, "0021630F0001", "3.5.6907.0");
    for hour in (0..60).step_by(6) {
        ask_at(hour, "0021630F0002", "1.0.522.103");
    }
    ask_at(59, "0021630F0003", "3.5.6907.0");
    service.flush_logs().await.unwrap();
    let found = watch.look(&service).await.unwrap();
    assert_eq!((found.rows, found.loops, found.silent), (12, 1, 1));
    let counted = "counted {Silent: 1, Stuck: 1, UpToDate: 1}";
    assert_eq!(recorder.take(), ["loop 0021630F0002", "silent 0021630F0001 0", counted]);
    watch.look(&service).await.unwrap();
    assert_eq!(recorder.take(), [counted], "a trouble is reported once");
    ask_at(60, "0021630F0001", "3.5.6907.0");
    service.flush_logs().await.unwrap();
    watch.look(&service).await.unwrap();
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 115 * HOUR));
    watch.look(&service).await.unwrap();
    let again = recorder.take();
    assert!(again.contains(&"silent 0021630F0001 60".to_owned()), "{again:?}");
}

const IMAGE: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";

#[tokio::test]
async fn a_device_in_a_loop_is_held_after_some_downloads_and_an_invented_one_never() {
    let store = MemoryStore::default();
    let admin = with_sample(store.clone()).await;
    admin.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let clock = Arc::new(SettableClock::at(NOW));
    let options = logging().with_clock(clock.clone());
    let service = UpdateService::open(Arc::new(store), options).await.unwrap();
    let ask = |number: u32| {
        let mut request = request(&sample::ip8540(), "1.0.522.103");
        request.device.mac_address = Reported::new(&format!("0021630F{number:04X}"));
        request.device.serial_number = Reported::default();
        let host = format!("10.1.1.{number}");
        service.answer(&request, Asker { side: Side::Internal, host: &host }).unwrap();
    };
    let fetch = |number: u32| {
        let row = AccessRow {
            client_ip: format!("10.1.1.{number}").as_str().into(),
            ..AccessRow::finished("GET", IMAGE, 200, Duration::ZERO, clock.now())
        };
        service.log_access(&row);
    };
    let mut watch = TroubleWatch::new(Zone::utc()).with_holds(3).with_holds_an_hour(2);
    let mut held = Vec::new();
    for hour in [0, 6, 12, 18] {
        clock.set(UnixTime::from_seconds(NOW.as_seconds() + hour * HOUR));
        (1..=8).for_each(&ask);
        (1..=3).for_each(&fetch);
        service.flush_logs().await.unwrap();
        held.push(watch.look(&service).await.unwrap().held.len());
    }
    assert_eq!(held, [0, 0, 2, 1], "two within an hour, and the third one later");
    let names: Vec<String> = service.snapshot().book().holds().map(|hold| hold.name.to_string()).collect();
    assert_eq!(names, ["loop 0021630F0001", "loop 0021630F0002", "loop 0021630F0003"]);
    let last = service.history(1, 100).await.unwrap().pop().unwrap();
    assert_eq!(last.author, HOLD_AUTHOR);
    assert!(last.notes[0].contains("it is offered updates in a circle and downloaded 4 times"), "{last:?}");
}

#[tokio::test]
async fn two_servers_that_look_at_once_do_not_hold_more_devices_than_the_limit() {
    let store = Meanwhile::default();
    let admin = with_sample(store.clone()).await;
    admin.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let clock = Arc::new(SettableClock::at(NOW));
    let service =
        UpdateService::open(Arc::new(store.clone()), logging().with_clock(clock.clone())).await.unwrap();
    for hour in [0, 6, 12, 18] {
        clock.set(UnixTime::from_seconds(NOW.as_seconds() + hour * HOUR));
        for number in 1..=2 {
            let mut request = request(&sample::ip8540(), "1.0.522.103");
            request.device.mac_address = Reported::new(&format!("0021630F{number:04X}"));
            request.device.serial_number = Reported::default();
            let host = format!("10.1.1.{number}");
            service.answer(&request, Asker { side: Side::Internal, host: &host }).unwrap();
            let row = AccessRow {
                client_ip: host.as_str().into(),
                ..AccessRow::finished("GET", IMAGE, 200, Duration::ZERO, clock.now())
            };
            service.log_access(&row);
        }
    }
    service.flush_logs().await.unwrap();
    let at = clock.now();
    store.before(StoreCall::Create, "state/revisions/", move |store| async move {
        let options = options().with_clock(Arc::new(SettableClock::at(at)));
        let other = UpdateService::open(Arc::new(store), options).await.unwrap();
        let hold = Hold {
            name: "loop 0021630F0002".parse().unwrap(),
            on: HeldDevices::Device(DeviceId::Mac("0021630F0002".parse().unwrap())),
            until: None,
            reason: "it is offered updates in a circle".into(),
        };
        other.admin(HOLD_AUTHOR).command(&BookCommand::AddHold(hold)).await.unwrap();
    });
    let mut watch = TroubleWatch::new(Zone::utc()).with_holds(3).with_holds_an_hour(1);
    let found = watch.look(&service).await.unwrap();
    assert!(store.has_happened());
    assert_eq!(found.held, [], "the other server held a device meanwhile");
    assert_eq!(service.snapshot().book().holds().count(), 1);
    clock.set(UnixTime::from_seconds(at.as_seconds() + HOUR + 1));
    assert_eq!(watch.look(&service).await.unwrap().held.len(), 1, "an hour later");
}
