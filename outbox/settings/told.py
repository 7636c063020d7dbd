"""Settings that are told, never looked for: whoever makes them has read the sources."""

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class ToldSettings(BaseSettings):
    """Checked as they are given, without a look at the environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the names are pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is handed over: `load` reads the sources itself, to know each value's origin."""
        return (init_settings,)
