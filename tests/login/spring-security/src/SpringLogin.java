import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.jdbc.BadSqlGrammarException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;
import org.springframework.security.authentication.ProviderManager;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.JdbcUserDetailsManager;
import org.springframework.security.web.authentication.AuthenticationEntryPointFailureHandler;
import org.springframework.security.web.authentication.AuthenticationFailureHandler;
import org.springframework.security.web.authentication.HttpStatusEntryPoint;
import org.springframework.security.web.context.HttpSessionSecurityContextRepository;
import org.springframework.security.web.webauthn.api.Bytes;
import org.springframework.security.web.webauthn.api.CredentialRecord;
import org.springframework.security.web.webauthn.api.PublicKeyCredentialRequestOptions;
import org.springframework.security.web.webauthn.api.PublicKeyCredentialRpEntity;
import org.springframework.security.web.webauthn.api.UserVerificationRequirement;
import org.springframework.security.web.webauthn.authentication.HttpSessionPublicKeyCredentialRequestOptionsRepository;
import org.springframework.security.web.webauthn.authentication.WebAuthnAuthenticationFilter;
import org.springframework.security.web.webauthn.authentication.WebAuthnAuthenticationProvider;
import org.springframework.security.web.webauthn.management.JdbcPublicKeyCredentialUserEntityRepository;
import org.springframework.security.web.webauthn.management.JdbcUserCredentialRepository;
import org.springframework.security.web.webauthn.management.PublicKeyCredentialUserEntityRepository;
import org.springframework.security.web.webauthn.management.UserCredentialRepository;
import org.springframework.security.web.webauthn.management.Webauthn4JRelyingPartyOperations;
import tools.jackson.databind.JsonNode;

/**
 * Spring Security's login with a passkey, from the filter that takes {@code POST /login/webauthn} down to the tables
 * {@code user_credentials}, {@code user_entities}, {@code users} and {@code authorities}.
 */
final class SpringLogin {
    /** What became of one line. */
    record Verdict(String credentialId, String verdict, String detail, String principal) {}

    /** The database cannot answer, which says nothing about a line. */
    static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1;

        Unreadable(Throwable cause) {
            super(cause.getMessage(), cause);
        }
    }

    private record RelyingParty(String rpId, String origin) {}

    private static final String FAILURE = SpringLogin.class.getName();

    private final Connection connection;
    private final FoundCredentials credentials;
    private final PublicKeyCredentialUserEntityRepository entities;
    private final UserDetailsService users;
    private final HttpSessionPublicKeyCredentialRequestOptionsRepository requestOptions =
            new HttpSessionPublicKeyCredentialRequestOptionsRepository();
    private final Map<RelyingParty, WebAuthnAuthenticationFilter> filters = new HashMap<>();

    SpringLogin(Connection connection) throws SQLException, Unreadable {
        connection.setAutoCommit(false);
        SingleConnectionDataSource source = new SingleConnectionDataSource(connection, true);
        JdbcTemplate jdbc = new JdbcTemplate(source);
        try {
            for (String table : List.of("user_credentials", "user_entities", "users", "authorities")) {
                jdbc.queryForList("select * from " + table + " where 1 = 0");
            }
        } catch (DataAccessException error) {
            throw new Unreadable(error);
        }
        connection.rollback();
        this.connection = connection;
        credentials = new FoundCredentials(new JdbcUserCredentialRepository(jdbc));
        entities = new JdbcPublicKeyCredentialUserEntityRepository(jdbc);
        users = new JdbcUserDetailsManager(source);
    }

    Verdict judge(JsonNode line) throws SQLException, Unreadable {
        String credentialId = line.path("credentialId").asString(null);
        JsonNode response = line.path("response");
        for (String name : List.of("credentialId", "user", "rpId", "origin", "challenge")) {
            if (!isText(line.path(name))) {
                return new Verdict(credentialId, "error", "the line has no " + name, null);
            }
        }
        if (!isText(response.path("rawId"))) {
            return new Verdict(credentialId, "error", "the line has no response.rawId", null);
        }
        Bytes challenge;
        try {
            challenge = Bytes.fromBase64(line.path("challenge").asString());
        } catch (IllegalArgumentException error) {
            return new Verdict(credentialId, "error", "challenge is not base64url", null);
        }

        MockHttpServletRequest request = new MockHttpServletRequest("POST", "/login/webauthn");
        request.setContentType(MediaType.APPLICATION_JSON_VALUE);
        request.setContent(response.toString().getBytes(StandardCharsets.UTF_8));
        RelyingParty party = new RelyingParty(line.path("rpId").asString(), line.path("origin").asString());
        try {
            Authentication authentication = logIn(party, challenge, request);
            if (authentication != null) {
                String principal = authentication.getName();
                if (!response.path("rawId").equals(line.path("credentialId"))) {
                    return new Verdict(
                            credentialId, "error", "response.rawId is not the credentialId of the line", principal);
                }
                boolean same = principal.equals(line.path("user").asString());
                return new Verdict(
                        credentialId, same ? "ok" : "error", same ? "" : "somebody else was logged in", principal);
            }
        } finally {
            SecurityContextHolder.clearContext();
            connection.rollback();
        }
        if (credentials.missing) {
            return new Verdict(credentialId, "not-found", "", null);
        }
        Throwable cause = NestedExceptionUtils.getMostSpecificCause((Throwable) request.getAttribute(FAILURE));
        String detail = cause.getClass().getSimpleName() + ": " + cause.getMessage();
        return new Verdict(credentialId, "failed", detail, null);
    }

    /** Returns who is logged in from now on, as the next request of the session would see it; null if nobody is. */
    private Authentication logIn(RelyingParty party, Bytes challenge, MockHttpServletRequest request)
            throws Unreadable {
        credentials.missing = false;
        MockHttpServletResponse response = new MockHttpServletResponse();
        FilterChain notTaken = (req, res) -> {
            throw new IllegalStateException("the filter did not take the request");
        };
        try {
            PublicKeyCredentialRequestOptions options = PublicKeyCredentialRequestOptions.builder()
                    .challenge(challenge)
                    .rpId(party.rpId())
                    .userVerification(UserVerificationRequirement.REQUIRED)
                    .build();
            requestOptions.save(request, response, options);
            filters.computeIfAbsent(party, this::filter).doFilter(request, response, notTaken);
        } catch (IOException | ServletException error) {
            throw new IllegalStateException(error);
        }

        Throwable failure = (Throwable) request.getAttribute(FAILURE);
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof BadSqlGrammarException) {
                throw new Unreadable(cause);
            }
        }
        Authentication authentication = new HttpSessionSecurityContextRepository()
                .loadDeferredContext(request)
                .get()
                .getAuthentication();
        HttpStatus expected = authentication == null ? HttpStatus.UNAUTHORIZED : HttpStatus.OK;
        if (response.getStatus() != expected.value() || (authentication == null) != (failure != null)) {
            throw new IllegalStateException("status " + response.getStatus() + " does not tell what happened");
        }
        return authentication;
    }

    private WebAuthnAuthenticationFilter filter(RelyingParty party) {
        PublicKeyCredentialRpEntity entity = PublicKeyCredentialRpEntity.builder()
                .id(party.rpId())
                .name(party.rpId())
                .build();
        Webauthn4JRelyingPartyOperations operations =
                new Webauthn4JRelyingPartyOperations(entities, credentials, entity, Set.of(party.origin()));
        // The framework's default, which also keeps the reason.
        AuthenticationFailureHandler unauthorized =
                new AuthenticationEntryPointFailureHandler(new HttpStatusEntryPoint(HttpStatus.UNAUTHORIZED));
        WebAuthnAuthenticationFilter filter = new WebAuthnAuthenticationFilter();
        filter.setRequestOptionsRepository(requestOptions);
        filter.setAuthenticationManager(
                new ProviderManager(new WebAuthnAuthenticationProvider(operations, users)));
        filter.setAuthenticationFailureHandler((request, response, failure) -> {
            request.setAttribute(FAILURE, failure);
            unauthorized.onAuthenticationFailure(request, response, failure);
        });
        filter.afterPropertiesSet();
        return filter;
    }

    private static boolean isText(JsonNode node) {
        return node.isString() && !node.asString().isEmpty();
    }

    /** The framework's repository; it also remembers whether the last look-up found a row. */
    private static final class FoundCredentials implements UserCredentialRepository {
        private final UserCredentialRepository rows;
        private boolean missing;

        FoundCredentials(UserCredentialRepository rows) {
            this.rows = rows;
        }

        @Override
        public CredentialRecord findByCredentialId(Bytes credentialId) {
            CredentialRecord found = rows.findByCredentialId(credentialId);
            missing = found == null;
            return found;
        }

        @Override
        public void delete(Bytes credentialId) {
            rows.delete(credentialId);
        }

        @Override
        public void save(CredentialRecord record) {
            rows.save(record);
        }

        @Override
        public List<CredentialRecord> findByUserId(Bytes userId) {
            return rows.findByUserId(userId);
        }
    }
}
