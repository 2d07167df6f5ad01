//! Windows' service control manager.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceDependency, ServiceErrorControl, ServiceExitCode, ServiceFailureActions,
    ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{Error, service_dispatcher};
use windows_sys::Win32::Foundation::{
    ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_CANNOT_ACCEPT_CTRL, ERROR_SERVICE_DOES_NOT_EXIST,
    ERROR_SERVICE_EXISTS, ERROR_SERVICE_NOT_ACTIVE, HANDLE,
};
use windows_sys::Win32::Security::{GetTokenInformation, TOKEN_ELEVATION, TOKEN_QUERY, TokenElevation};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use crate::sys::service::{Definition, Manager, Standing};
use crate::sys::stop::{Stop, ask};

/// How long a start or a stop may take; ffmpeg's end and the release of claims are in it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the manager is told of a stop under way: it will hear of us again within this time.
const HINT: Duration = Duration::from_secs(30);

pub fn manager() -> Manager {
    Manager::Windows
}

pub fn user_number() -> u32 {
    0
}

#[expect(unsafe_code, reason = "Win32 calls on a handle and a struct of ours")]
pub fn is_privileged() -> bool {
    let mut elevation = TOKEN_ELEVATION::default();
    let mut token: HANDLE = std::ptr::null_mut();
    let mut length = 0;
    // SAFETY: the handle is closed below; the struct is of the type and size that are said.
    unsafe {
        if OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) == 0 {
            return false;
        }
        let told = GetTokenInformation(
            token,
            TokenElevation,
            (&raw mut elevation).cast(),
            size_of_val(&elevation) as u32,
            &raw mut length,
        );
        windows_sys::Win32::Foundation::CloseHandle(token);
        told != 0 && elevation.TokenIsElevated != 0
    }
}

/// What the crate says, with the system's own error where there is one.
fn plain(error: Error) -> io::Error {
    match error {
        Error::Winapi(error) => error,
        other => io::Error::other(other),
    }
}

fn is(error: &Error, code: u32) -> bool {
    matches!(error, Error::Winapi(error) if error.raw_os_error() == Some(code as i32))
}

fn connect(more: ServiceManagerAccess) -> io::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT | more).map_err(plain)
}

fn open(name: &str, access: ServiceAccess) -> io::Result<Option<Service>> {
    match connect(ServiceManagerAccess::empty())?.open_service(name, access) {
        Ok(service) => Ok(Some(service)),
        Err(error) if is(&error, ERROR_SERVICE_DOES_NOT_EXIST) => Ok(None),
        Err(error) => Err(plain(error)),
    }
}

pub fn install(definition: &Definition) -> io::Result<()> {
    let info = ServiceInfo {
        name: OsString::from(&definition.name),
        display_name: OsString::from(&definition.title),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: definition.program.clone(),
        launch_arguments: definition.args.clone(),
        dependencies: definition.needs.iter().map(|need| ServiceDependency::Service(need.into())).collect(),
        account_name: definition.account.as_ref().map(OsString::from),
        account_password: definition.password.as_ref().map(OsString::from),
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let manager = connect(ServiceManagerAccess::CREATE_SERVICE)?;
    let service = match manager.create_service(&info, access) {
        Err(error) if is(&error, ERROR_SERVICE_EXISTS) => {
            let service = manager.open_service(&definition.name, access).map_err(plain)?;
            service.change_config(&info).map_err(plain)?;
            service
        }
        result => result.map_err(plain)?,
    };
    service.set_description(&definition.description).map_err(plain)?;
    // A NAS that restarts should not need anybody to start us again.
    let again =
        |after| ServiceAction { action_type: ServiceActionType::Restart, delay: Duration::from_secs(after) };
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(24 * 60 * 60)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![again(60), again(300), again(900)]),
    };
    if let Err(error) = service.update_failure_actions(actions) {
        tracing::debug!("the service is not started again after a crash: {error}");
    }
    if let Err(error) = service.set_delayed_auto_start(true) {
        tracing::debug!("the service starts with the system's own: {error}");
    }
    Ok(())
}

pub fn uninstall(name: &str) -> io::Result<bool> {
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let Some(service) = open(name, access)? else { return Ok(false) };
    halt(&service)?;
    service.delete().map_err(plain)?;
    Ok(true)
}

pub fn start(name: &str) -> io::Result<()> {
    let service = open(name, ServiceAccess::START | ServiceAccess::QUERY_STATUS)?
        .ok_or_else(|| io::Error::from_raw_os_error(ERROR_SERVICE_DOES_NOT_EXIST as i32))?;
    match service.start::<&OsStr>(&[]) {
        Err(error) if is(&error, ERROR_SERVICE_ALREADY_RUNNING) => return Ok(()),
        result => result.map_err(plain)?,
    }
    match wait(&service, |state| state != ServiceState::StartPending)? {
        ServiceState::Running => Ok(()),
        state => Err(io::Error::other(format!("it went {} at once", words(state)))),
    }
}

pub fn stop(name: &str) -> io::Result<bool> {
    match open(name, ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)? {
        Some(service) => halt(&service),
        None => Err(io::Error::from_raw_os_error(ERROR_SERVICE_DOES_NOT_EXIST as i32)),
    }
}

fn halt(service: &Service) -> io::Result<bool> {
    match service.stop() {
        Ok(_) => {
            wait(service, |state| state == ServiceState::Stopped)?;
            Ok(true)
        }
        Err(error) if is(&error, ERROR_SERVICE_NOT_ACTIVE) => Ok(false),
        // Somebody else told it to stop, and it is about to.
        Err(error) if is(&error, ERROR_SERVICE_CANNOT_ACCEPT_CTRL) => {
            wait(service, |state| state == ServiceState::Stopped)?;
            Ok(true)
        }
        Err(error) => Err(plain(error)),
    }
}

/// Asks for the state until it is as wanted; the manager has no way to tell us.
fn wait(service: &Service, wanted: impl Fn(ServiceState) -> bool) -> io::Result<ServiceState> {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = service.query_status().map_err(plain)?.current_state;
        if wanted(state) {
            return Ok(state);
        }
        if Instant::now() >= until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it is still {}", words(state))));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn words(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        ServiceState::Running => "running",
        ServiceState::ContinuePending | ServiceState::PausePending | ServiceState::Paused => "paused",
    }
}

pub fn standing(name: &str) -> io::Result<Option<Standing>> {
    let Some(service) = open(name, ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG)? else {
        return Ok(None);
    };
    let status = service.query_status().map_err(plain)?;
    let config = service.query_config().map_err(plain)?;
    Ok(Some(Standing {
        state: words(status.current_state).to_owned(),
        process: status.process_id.filter(|id| *id != 0),
        command: config.executable_path.to_string_lossy().into_owned(),
        account: config.account_name.map(|name| name.to_string_lossy().into_owned()),
    }))
}

/// What the service's thread is to do; the manager calls a plain function, which can be given nothing else.
static WORK: Mutex<Option<(String, Work)>> = Mutex::new(None);

type Work = Box<dyn FnOnce() -> u8 + Send>;

/// The service manager started us.
static SERVES: AtomicBool = AtomicBool::new(false);

pub fn serves() -> bool {
    SERVES.load(Ordering::Relaxed)
}

windows_service::define_windows_service!(ffi_main, service_main);

pub fn serve(name: &str, work: Work) -> io::Result<()> {
    *WORK.lock().unwrap_or_else(PoisonError::into_inner) = Some((name.to_owned(), work));
    service_dispatcher::start(name, ffi_main).map_err(plain)
}

fn service_main(_arguments: Vec<OsString>) {
    let Some((name, work)) = WORK.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    SERVES.store(true, Ordering::Relaxed);
    let status = service_control_handler::register(name, |control| match control {
        ServiceControl::Stop => {
            REPORT.stopping();
            ask(Stop::Soon);
            ServiceControlHandlerResult::NoError
        }
        // The machine goes down and waits for nobody.
        ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            REPORT.stopping();
            ask(Stop::Now);
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    });
    let Ok(status) = status else { return };
    REPORT.running(status);
    std::thread::scope(|scope| {
        scope.spawn(|| REPORT.keep_stopping());
        REPORT.stopped(u32::from(work()));
    });
}

/// What the manager was told last. The handler, which runs on the manager's thread, and the work's end both tell it, and
/// nothing may follow the end.
static REPORT: Report = Report { told: Mutex::new(Told::Nothing), changed: Condvar::new() };

struct Report {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Clone, Copy)]
enum Told {
    Nothing,
    Running(ServiceStatusHandle),
    /// With the checkpoint, which must go up for as long as the stop takes.
    Stopping(ServiceStatusHandle, u32),
    Stopped,
}

impl Report {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, status: ServiceStatusHandle) {
        *self.told() = Told::Running(status);
        tell(status, ServiceState::Running, 0, 0);
    }

    /// The file in hand is dropped and its claim released; until that is done, the manager is not to think that we hang.
    fn stopping(&self) {
        let mut told = self.told();
        if let Told::Running(status) = *told {
            *told = Told::Stopping(status, 1);
            tell(status, ServiceState::StopPending, 1, 0);
            self.changed.notify_all();
        }
    }

    /// Goes on saying so, well before each hint has run out.
    fn keep_stopping(&self) {
        let mut told = self.told();
        loop {
            let last = *told;
            told = match last {
                Told::Stopped => return,
                Told::Nothing | Told::Running(_) => {
                    self.changed.wait(told).unwrap_or_else(PoisonError::into_inner)
                }
                Told::Stopping(status, checkpoint) => {
                    let waited = self.changed.wait_timeout(told, HINT / 3);
                    let (mut told, waited) = waited.unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && matches!(*told, Told::Stopping(..)) {
                        *told = Told::Stopping(status, checkpoint + 1);
                        tell(status, ServiceState::StopPending, checkpoint + 1, 0);
                    }
                    told
                }
            };
        }
    }

    fn stopped(&self, code: u32) {
        let mut told = self.told();
        if let Told::Running(status) | Told::Stopping(status, _) = *told {
            tell(status, ServiceState::Stopped, 0, code);
        }
        *told = Told::Stopped;
        self.changed.notify_all();
    }
}

fn tell(status: ServiceStatusHandle, state: ServiceState, checkpoint: u32, code: u32) {
    let accepts = match state {
        ServiceState::Running => ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
        _ => ServiceControlAccept::empty(),
    };
    let told = status.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepts,
        exit_code: if code == 0 { ServiceExitCode::NO_ERROR } else { ServiceExitCode::ServiceSpecific(code) },
        checkpoint,
        wait_hint: if state == ServiceState::StopPending { HINT } else { Duration::ZERO },
        process_id: None,
    });
    if let Err(error) = told {
        tracing::warn!("the service manager does not listen: {error}");
    }
}
